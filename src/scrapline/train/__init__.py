"""Prepared shards in; a calibrated checkpoint and the history of its training out."""
