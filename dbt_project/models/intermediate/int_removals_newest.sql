{{ newest_by_key('removals') }}
