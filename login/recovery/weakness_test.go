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

// S063, T22: what many people answer is as easy to guess with an article, twice or
// beside another, and so is a way to say nothing.
func TestS063_T22_PopularHoweverPutTogether(t *testing.T) {
	a := storage.Afiliado{GivenName: "Diana", FamilyName: "Zambrano", Birthdate: "1996-02-29"}
	for _, answer := range []string{
		"Mi mamá", "mimama", "Quito Ecuador", "el perro", "los perros", "Luna Luna", "Luna, luna y luna", "San Juan", "Santa Rosa", "maría josé", "Juan Carlos 2",
		"no sé", "No lo sé.", "no me acuerdo", "ya no recuerdo", "ninguno", "no tengo", "abcabc", "aaa bbb", "aaabbbccc", "abcdefg", "zyxw", "qweasd", "poiuyt 1", "Coco",
		"Pulguita Pulguita", "Diana Luna", "mi papá Diana",
	} {
		if got := CheckAnswers([]string{answer}, a, nil); got[0] != WeakPopular {
			t.Errorf("%q: got %v, want it popular", answer, got)
		}
	}
	for _, answer := range []string{"el Zambrano", "Zambrano Diana", "mi diana"} {
		if got := CheckAnswers([]string{answer}, a, nil); got[0] != WeakRegistry {
			t.Errorf("%q: got %v, want it of the registry", answer, got)
		}
	}
	for _, answer := range []string{
		"Papalote", "Lalo", "Misu", "Lunares", "Caballito blanco", "Las Tres Marías", "Don Segundo", "El perro Canelo", "La casa de la loma", "Analuisa", "Milagros",
		"Bajo el nogal", "Red bicycle", "Calle San Marcos", "7 vidas", "你好吗",
	} {
		if got := CheckAnswers([]string{answer}, a, nil); got[0] != WeakNone {
			t.Errorf("%q: got %v, want it taken", answer, got)
		}
	}
}
