module mask-auction

go 1.24

require pelton/guest v0.0.0

replace pelton/guest => ./.pelton/sdk/go
