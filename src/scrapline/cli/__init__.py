"""What every command needs: start, errors, console, tables, configuration files."""
