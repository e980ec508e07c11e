"""Renders the report for people: terminal, HTML, Markdown, JUnit, Model Explorer."""
