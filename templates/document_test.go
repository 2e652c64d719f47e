package templates

import (
	"slices"
	"testing"
	"time"
)

// What is printed of her data is in words: no braces, no null, no date in the order of machines.
func TestLAW05_DataArePrintedInWords(t *testing.T) {
	field := func(column, text string) DataField { return DataField{Column: column, Text: text} }
	d, err := parsed(t).DataDocument(DataFile{Lang: "es-EC", When: sampleTime(), Tables: []DataTable{{Name: "audit", Rows: []DataRow{{Fields: []DataField{
		field("birthdate", "1948-05-05"),
		field("detail", "null"),
		field("renewal_day", "0"),
		field("attempts", "0"),
		field("data", `{"salt": "x", "fields": {"user_agent": "Firefox", "address": "192.0.2.7", "none": null}, "When": "2026-11-22T16:05:00Z",
			"all": ["a", 2, true, {"b": 1}]}`),
		field("reason", "{broken"),
		{Column: "at", At: time.Date(2026, time.November, 22, 16, 5, 0, 0, time.UTC)},
	}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []DocumentFact{
		{"Fecha de nacimiento", "5 de mayo de 1948"},
		{"Intentos", "0"},
		{"Cuándo", "22 de noviembre de 2026, 11:05"},
		{"all", `a, 2, Sí, {"b":1}`},
		{"Dirección de la conexión", "192.0.2.7"},
		{"Equipo y navegador", "Firefox"},
		{"Marca del sello", "x"},
		{"Motivo", "{broken"},
		{"Cuándo", "22 de noviembre de 2026, 11:05"},
	}
	if got := d.Sections[0].Items[0].Facts; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
