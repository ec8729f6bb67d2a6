"""The conveyor: feed, arrivals, sorter, log, key figures. No torch."""
