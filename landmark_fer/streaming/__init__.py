"""Live: sources, the demo clip, tracking, drawing, recording, the window. Each knows the floors below, none another."""
