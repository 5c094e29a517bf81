package guest

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// readOptions fills the options struct from the JSON of the job file. An error is in words for the job's owner.
func readOptions(text []byte, into reflect.Value) error {
	given := map[string]json.RawMessage{}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &given); err != nil {
			return fmt.Errorf("the options must be a table of names and values: %s", err)
		}
	}
	of := into.Type()
	var names []string
	for i := range of.NumField() {
		names = append(names, optionName(of.Field(i)))
	}
	known := map[string]bool{}
	for _, name := range names {
		known[name] = true
	}
	for name := range given {
		if len(names) == 0 {
			return fmt.Errorf("there is no option `%s`: this module has no options", name)
		}
		if !known[name] {
			return fmt.Errorf("there is no option `%s`: %s", name, suggest(name, names))
		}
	}
	for i, name := range names {
		part, value := of.Field(i), into.Field(i)
		text, isGiven := given[name]
		fallback, hasFallback := part.Tag.Lookup("default")
		switch {
		case isGiven:
			if err := json.Unmarshal(text, value.Addr().Interface()); err != nil || string(text) == "null" {
				return fmt.Errorf("option `%s` must be %s, not %s", name, expected(value.Type()), text)
			}
		case hasFallback:
			if value.Kind() == reflect.String {
				value.SetString(fallback)
			} else if err := json.Unmarshal([]byte(fallback), value.Addr().Interface()); err != nil {
				return fmt.Errorf("the default of option `%s` is not %s", name, expected(value.Type()))
			}
		case value.Kind() == reflect.Pointer:
		default:
			return fmt.Errorf("option `%s` is missing: it must be %s", name, expected(value.Type()))
		}
	}
	return nil
}

func optionName(part reflect.StructField) string {
	if name := part.Tag.Get("pelton"); name != "" {
		return name
	}
	return snake(part.Name)
}

func expected(of reflect.Type) string {
	switch of.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "a table"
	case reflect.Pointer:
		return expected(of.Elem())
	}
	return "an integer"
}
