module kustoingest

go 1.22
