"""The heavy half of every task, a module each; `nsslib.grid.task` says what it offers."""
