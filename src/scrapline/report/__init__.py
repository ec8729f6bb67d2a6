"""What a run leaves for people: the report, its pictures, and a folder of them for Git to keep."""
