package personal

import (
	"slices"
	"strings"
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
		if got := Check(tt.answers, storage.Afiliado{}, nil); !slices.Equal(got, tt.want) {
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
		if got := Check([]string{answer}, a, nil); got[0] != WeakPopular {
			t.Errorf("%q: got %v, want it popular", answer, got)
		}
	}
	for _, answer := range []string{"el Zambrano", "Zambrano Diana", "mi diana"} {
		if got := Check([]string{answer}, a, nil); got[0] != WeakRegistry {
			t.Errorf("%q: got %v, want it of the registry", answer, got)
		}
	}
	for _, answer := range []string{
		"Papalote", "Lalo", "Misu", "Lunares", "Caballito blanco", "Las Tres Marías", "Don Segundo", "El perro Canelo", "La casa de la loma", "Analuisa", "Milagros",
		"Bajo el nogal", "Red bicycle", "Calle San Marcos", "7 vidas", "你好吗",
	} {
		if got := Check([]string{answer}, a, nil); got[0] != WeakNone {
			t.Errorf("%q: got %v, want it taken", answer, got)
		}
	}
}

// S029: what is compared is the same however it is written.
func TestS029_AnswersAreFolded(t *testing.T) {
	for _, group := range [][]string{
		{"Doña Eufrosina", "  dona   EUFROSINA ", "DOÑA EUFROSINA.", "don\u0303a eufrosina"},
		{"El 7 de la calle", "el7delacalle"},
		{"", "   ", "¿?"},
	} {
		for _, s := range group {
			if Fold(s) != Fold(group[0]) {
				t.Errorf("%q is folded to %q, %q to %q", s, Fold(s), group[0], Fold(group[0]))
			}
		}
	}
	if Fold("ana maría") == Fold("ana maria2") || len(Fold(strings.Repeat("ñ", 10_000))) > answerBytes {
		t.Error("different answers are one, or a long one is hashed whole")
	}
}

// S063, T22: nobody enrols what others know or guess.
func TestT22_WeakAnswers(t *testing.T) {
	a := storage.Afiliado{
		Identifier: "1759999913", GivenName: "María Fernanda", FamilyName: "Quishpe Andrade", Birthdate: "1985-03-14", Email: "mafer.q@correo.example",
		Mobile: "+593990000001",
	}
	history := []storage.Historia{{Employer: "Textiles del Machángara S.A.", Province: "Pichincha", Sector: "Industria"}}
	const good = "Doña Eufrosina"
	for answer, want := range map[string]Weakness{
		"": WeakEmpty, " ": WeakEmpty, "a": WeakShort, "12345": WeakShort, "ab1": WeakShort, "aaaa": WeakPopular, "ñññ": WeakPopular,
		"Quishpe": WeakRegistry, "maria fernanda": WeakRegistry, "FERNANDA": WeakRegistry, "Quishpe1": WeakRegistry, "machángara": WeakRegistry,
		"Textiles del Machangara": WeakRegistry, "textiles machángara": WeakRegistry, "Pichincha": WeakRegistry, "los rios": WeakRegistry, "14 de marzo": WeakRegistry,
		"mafer": WeakRegistry, "Quito": WeakPopular, "barcelona": WeakPopular, "Firulais": WeakPopular, "asdf": WeakPopular,
		"Sastre valiente": WeakNone, "7 vidas": WeakNone,
	} {
		got := Check([]string{good, answer}, a, history)
		if got[0] != WeakNone || got[1] != want {
			t.Errorf("%q: got %v, want %v", answer, got, want)
		}
	}
	if got := Check([]string{good, "dona eufrosina"}, a, history); got[1] != WeakRepeated {
		t.Errorf("one answer twice: %v", got)
	}
}
