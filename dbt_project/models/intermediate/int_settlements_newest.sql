{{ newest_by_key('settlements') }}
