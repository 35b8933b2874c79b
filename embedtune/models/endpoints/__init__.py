"""Models behind OpenAI-shaped endpoints: `https://HOST/v1#NAME`."""
