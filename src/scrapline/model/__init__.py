"""The torch side: the network, its checkpoint, batches of images, cached features."""
