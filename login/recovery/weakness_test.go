package recovery

import (
	"slices"
	"testing"

	"iess.gob.ec/clave/storage"
)

// T22: an answer of one letter is easy to guess, whichever of the two it is;
// only the second of two that are the same is called the same.
func TestT22_WhatIsSaidOfBothAnswers(t *testing.T) {
	const good = "Doña Eufrosina"
	for _, tt := range []struct {
		answers []string
		want    []Weakness
	}{
		{[]string{"aaaa", good}, []Weakness{WeakPopular, WeakNone}},
		{[]string{good, "aaaa"}, []Weakness{WeakNone, WeakPopular}},
		{[]string{"ÁaA 1", "aaaa"}, []Weakness{WeakPopular, WeakPopular}},
		{[]string{"aaaa", "aaaa"}, []Weakness{WeakPopular, WeakPopular}},
		{[]string{good, "dona eufrosina"}, []Weakness{WeakNone, WeakRepeated}},
		{[]string{"Quito", "quito"}, []Weakness{WeakPopular, WeakPopular}},
	} {
		if got := CheckAnswers(tt.answers, storage.Afiliado{}, nil); !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %v, want %v", tt.answers, got, tt.want)
		}
	}
}
