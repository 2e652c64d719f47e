package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxDepth is how deep JSON may be nested.
const maxDepth = 16

var (
	errDuplicateKey = errors.New("a member is given twice")
	errNested       = errors.New("the JSON is nested too deeply")
	errTrailing     = errors.New("something follows the JSON value")
)

// checkJSON refuses what parsers read differently: members given twice, which
// encoding/json lets the last win (ASVS 1.5.3), text after the value, and deep
// nesting.
func checkJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if err := checkValue(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}

func checkValue(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return errNested
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			token, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := token.(string) // the decoder has checked that it is one
			if seen[name] {
				return fmt.Errorf("%w: %.64q", errDuplicateKey, name)
			}
			seen[name] = true
		}
		if err := checkValue(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token() // the closing delimiter
	return err
}
