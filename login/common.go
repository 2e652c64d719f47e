package login

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
)

//go:embed common/claves.txt.gz
var commonClaves []byte

// CommonClaves reads the embedded list of common claves of 8 characters or more
// (common/NOTICE says where it comes from).
func CommonClaves() (Words, error) {
	z, err := gzip.NewReader(bytes.NewReader(commonClaves))
	if err != nil {
		return nil, fmt.Errorf("login: common claves: %w", err)
	}
	out := Words{}
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		out[lines.Text()] = struct{}{}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("login: common claves: %w", err)
	}
	return out, nil
}
