{{ newest_by_key('grade_resell') }}
