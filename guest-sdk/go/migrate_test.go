package guest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

type inCents struct{ Cents int64 }

type inParts struct {
	Euro int64
	Rest Null[int64]
}

type euros struct {
	Euro  int64
	Cents string
}

type lastOnes struct{ Last List[int64] }

func fromCents(older inCents) (*euros, error) {
	switch {
	case older.Cents < 0:
		return nil, fmt.Errorf("a debt of %d", older.Cents)
	case older.Cents == 0:
		return nil, nil
	}
	return &euros{older.Cents / 100, fmt.Sprint(older.Cents % 100)}, nil
}

func fromParts(older inParts) (*euros, error) {
	return &euros{older.Euro, fmt.Sprint(older.Rest.V)}, nil
}

func sums() *operator {
	function := func(*Call[NoKey, euros, struct{ N int64 }, struct{ N int64 }], *lastOnes, *struct{}) {}
	return KeyedTables(function, Migrate(fromCents), Migrate(fromParts))
}

// older is rows that a version kept, and their columns.
func older[State any](rows ...State) ([]wireField, table) {
	var fields []wireField
	for _, of := range keptOf[State]() {
		fields = append(fields, wireField{of.column, of.format, true, 0})
	}
	return fields, storeKept(keptOf[State](), rows)
}

func TestEachRowGoesThroughTheFunctionOfItsVersionAndNilDropsIt(t *testing.T) {
	by := sums().byKey
	fields, rows := older(inCents{1_234}, inCents{0}, inCents{5})
	migrated, err := by.migrate("state", 1, fields, rows)
	if err != nil || !isNothing(migrated, 1) || isNothing(migrated, 0) {
		t.Fatalf("%v %v", migrated, err)
	}
	want := []euros{{12, "34"}, {}, {0, "5"}}
	if got := loadKept[euros](by.kept, migrated); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	fields, rows = older(inParts{Euro: 5})
	migrated, err = by.migrate("state", 2, fields, rows)
	if got := loadKept[euros](by.kept, migrated); err != nil || !reflect.DeepEqual(got, []euros{{5, "0"}}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestWhatCannotBeTakenOverSaysWhy(t *testing.T) {
	by := sums().byKey
	fields, rows := older(inCents{-5})
	for version, want := range map[uint32]string{
		1: "a debt of -5",
		2: "what guest.Migrate expects of version 2 has the columns (euro: l, rest: l), but (cents: l) came",
		3: "this module has no function that migrates state of version 3",
	} {
		if _, err := by.migrate("state", version, fields, rows); err == nil || err.Error() != want {
			t.Errorf("version %d: %v", version, err)
		}
	}
	fields, rows = older(inParts{Euro: 5, Rest: Some[int64](1)})
	rows.nodes[0].buffers[0] = []byte{0}
	if _, err := by.migrate("state", 2, fields, rows); err == nil || !strings.Contains(err.Error(), "`euro` of a key's state is null") {
		t.Error(err)
	}
}

func TestListsAndMapsGoOnAsTheyAre(t *testing.T) {
	by := sums().byKey
	columns := func(format string) []wireField {
		return []wireField{{"number", "l", false, 0}, {"value", format, false, 0}}
	}
	if _, err := by.migrate("last", 1, columns("l"), table{}); err != nil {
		t.Error(err)
	}
	if _, err := by.migrate("last", 1, columns("g"), table{}); err == nil || !strings.Contains(err.Error(), "`last`, which goes on as it is,") {
		t.Error(err)
	}
	if _, err := by.migrate("first", 1, nil, table{}); err == nil {
		t.Error(errors.New("there is no such table"))
	}
}

func TestTheVersionOfTheStateCountsThoseBeforeIt(t *testing.T) {
	edge := input{"in", []wireField{{"n", "l", false, 0}}, []string{"n"}, "append"}
	agreed, err := sums().open([]input{edge}, []byte("{}"))
	if err != nil || agreed.version != 3 {
		t.Errorf("version %d, %v", agreed.version, err)
	}
}

func TestAFunctionThatMigratesToSomethingElsePanics(t *testing.T) {
	defer func() {
		if why := fmt.Sprint(recover()); !strings.Contains(why, "answers with *guest.euros, but *guest.inCents") {
			t.Error(why)
		}
	}()
	Keyed(func(*Call[NoKey, inCents, struct{ N int64 }, struct{ N int64 }], *struct{}) {}, Migrate(fromCents))
}
