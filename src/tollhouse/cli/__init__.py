"""The operator's hands on the command line: `tollhouse <noun> <verb>`."""
