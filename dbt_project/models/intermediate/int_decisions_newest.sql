{{ newest_by_key('decisions') }}
