"""From series to statements: chains (one realisation), sizes (many of them), comparison (against theory)."""
