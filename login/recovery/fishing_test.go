package recovery_test

import (
	"strings"
	"testing"

	"iess.gob.ec/clave/storage"
)

// restarts is how often somebody begins anew who fishes for other questions.
const restarts = 40

// T23: restarts through the form, in one browser and in many, show one quiz, of a
// person and of nobody.
func TestT23_RestartsThroughTheForm(t *testing.T) {
	t.Parallel()
	s := newSite(t, "sqlite") // the questions are drawn the same on either
	s.fewerMonths()
	for _, id := range []storage.Identifier{s.maria.Identifier, nobody} {
		shown := map[string]int{}
		same := s.journey()
		for range restarts / 2 {
			for _, j := range []*journey{same, s.journey()} {
				shown[strings.Join(quizText.FindAllString(j.start(id).Body, -1), "\n")]++
			}
		}
		for words, n := range shown {
			if n != restarts || strings.Count(words, "<legend>") != 3 {
				t.Errorf("%s: %d times %s", id, n, words)
			}
		}
	}
}
