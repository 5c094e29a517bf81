package guest

// The records of wit/types.wit and wit/keyed.wit, as far as operators here use them.

type wireField struct {
	name, format string
	nullable     bool
	children     uint32
}

type input struct {
	name   string
	fields []wireField
	key    []string
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
	reads []string
	// of a cogroup's right side, which it has
	rightReads []string
	isPair     bool
	ports      []wirePort // the main one first
	table      string     // what is kept, under this name; empty: nothing is
	kept       []field
	tables     []wireTable
	version    uint32 // of what is kept
	sideTables []string
	ordered    bool
	retracts   bool
}

// wirePort is an output.
type wirePort struct {
	name      string
	fields    []outputField
	eventTime string // empty: the input's
}

// portOutput is what left by one of several outputs. origin is nil row for row, and has noOrigin for rows that have none.
type portOutput struct {
	port         uint32
	rows         int
	keys, origin []uint32
	nodes        []node
}

// wireTable is a list or map of state.
type wireTable struct {
	name           string
	subkey, values []field
}

// tableChange is the changes of a call to a list or map, in order.
type tableChange struct {
	table uint32
	kinds []byte
	keys  []uint32
	rows  table
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
	ports    []portOutput // in the place of the others, where there are several outputs
}

type table struct {
	rows  int
	nodes []node
}

// A timer of a key, which is a row of the call's keys.
type keyTimer struct {
	key uint32
	Timer
}

type timerChange struct {
	keyTimer
	cleared bool
}

type keyedCall struct {
	rows     table
	ends     []uint32
	keys     table
	state    []table
	due      []keyTimer
	expiring []byte
}

type pairCall struct {
	left, right         table
	leftEnds, rightEnds []uint32
	keys                table
}

type keyedOutput struct {
	output           // origin has noOrigin for rows that have none, and is nil if none has one
	keys    []uint32 // of the rows made
	kinds   []byte   // of the changes of state
	changed []uint32
	state   table
	tables  []tableChange
	timers  []timerChange
}
