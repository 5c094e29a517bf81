module pelton/guest

go 1.24
