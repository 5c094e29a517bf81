//go:build !wasip1

package guest

import "unsafe"

const isComponent = false

func keep([]byte) {}

// explain leaves a panic to the test that it ends.
func explain() {}

func borrow(size int) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(make([]uint64, max(1, (size+7)/8))))
}
