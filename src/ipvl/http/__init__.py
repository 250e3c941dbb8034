"""HTTP/1.1 on Unix sockets: what both doors are served by. Parsing is httptools' (llhttp), the rest is here."""
