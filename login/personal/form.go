package personal

import (
	"net/url"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// AnswerLength is how many characters an answer may have that is typed.
const AnswerLength = 200

// Form is two questions that a person chooses, and what she answers, as typed.
type Form struct {
	Chosen  [2]string // names of the catalogue; "" for none, and for any other
	Answers [2]string
}

// Read reads the fields pregunta_1, respuesta_1, pregunta_2 and respuesta_2.
func Read(f url.Values) Form {
	var out Form
	for i, n := range [2]string{"1", "2"} {
		if key := f.Get("pregunta_" + n); templates.IsPersonalQuestion(key) {
			out.Chosen[i] = key
		}
		out.Answers[i] = login.TypedUpTo(f.Get("respuesta_"+n), AnswerLength)
	}
	return out
}

// Faults are what is wrong with f for a person of whom that is on file (S063, T22).
func (f Form) Faults(a storage.Afiliado, history []storage.Historia) []templates.Fault {
	words := [2]struct{ question, empty, short, personal, common, same templates.Fault }{
		{
			templates.Pregunta1Empty, templates.Respuesta1Empty, templates.Respuesta1Short, templates.Respuesta1Personal,
			templates.Respuesta1Common, "", // the first repeats none
		},
		{
			templates.Pregunta2Empty, templates.Respuesta2Empty, templates.Respuesta2Short, templates.Respuesta2Personal,
			templates.Respuesta2Common, templates.Respuesta2Same,
		},
	}
	var out []templates.Fault
	weak := Check(f.Answers[:], a, history)
	for i, w := range words {
		switch {
		case f.Chosen[i] == "":
			out = append(out, w.question)
		case i == 1 && f.Chosen[0] == f.Chosen[1]:
			out = append(out, templates.PreguntaSame)
		}
		if fault := map[Weakness]templates.Fault{
			WeakEmpty: w.empty, WeakShort: w.short, WeakRepeated: w.same, WeakRegistry: w.personal, WeakPopular: w.common,
		}[weak[i]]; fault != "" {
			out = append(out, fault)
		}
	}
	return out
}

// Hash makes of f what is kept of it (storage.Tx.SetAnswers): two hashes in slot.
func (f Form) Hash(slot *login.Slot, now time.Time) ([]storage.Answer, error) {
	var out []storage.Answer
	for i, question := range f.Chosen {
		phc, err := slot.Make(Fold(f.Answers[i]))
		if err != nil {
			return nil, err
		}
		out = append(out, storage.Answer{Question: question, PHC: phc, CreatedAt: storage.At(now)})
	}
	return out, nil
}
