"""Files, outs, processes and the machine: what knows nothing of scrap, models or the command line."""
