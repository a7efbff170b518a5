"""How bytes get in: connectors, decoding, the lake and the ledger. How data must look stands in data_contracts."""
