//go:build !wasip1

package guest

import "unsafe"

const isComponent = false

func keep([]byte) {}

func borrow(size int) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(make([]uint64, max(1, (size+7)/8))))
}
