{{ newest_by_key('listings') }}
