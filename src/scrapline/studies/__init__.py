"""What trains or measures beside the pipeline, and changes none of its outs."""
