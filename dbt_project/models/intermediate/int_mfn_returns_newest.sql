{{ newest_by_key('mfn_returns') }}
