//go:build !wasip1

package guest

const isComponent = false
