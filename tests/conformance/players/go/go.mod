module player

go 1.22

require kustoingest v0.0.0

replace kustoingest => ../../../../bindings/go
