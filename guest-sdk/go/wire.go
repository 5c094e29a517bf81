package guest

// The records of wit/types.wit, as far as transforms use them.

type wireField struct {
	name, format string
	nullable     bool
	children     uint32
}

type input struct {
	name   string
	fields []wireField
	mode   string
}

// outputField is passed (column, under a name) or computed.
type outputField struct {
	passed   bool
	column   string
	name     string
	format   string
	nullable bool
}

type contract struct {
	reads     []string
	fields    []outputField
	eventTime string // empty: the input's
}

type node struct {
	rows    int
	buffers [][]byte
}

type rejection struct {
	row    uint32
	reason string
}

type output struct {
	rows     int
	origin   []uint32 // nil: row for row
	nodes    []node
	rejected []rejection
}
