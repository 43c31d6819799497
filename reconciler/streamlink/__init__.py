"""The StreamLink API: signing, wire types, codes, rate limits, client, backend."""
