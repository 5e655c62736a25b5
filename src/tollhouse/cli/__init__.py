"""The command line: `tollhouse <noun> <verb>`, with the nouns and verbs of the JSON-RPC API."""
