package recovery

import (
	"slices"
	"strconv"
	"testing"

	"iess.gob.ec/clave/templates"
)

// S028, S030: a number that no option has is nothing chosen, and takes no attempt.
func TestS028_OnlyOptionsAreChosen(t *testing.T) {
	for n := -1; n <= 10; n++ {
		var a answers
		faults := a.read(templates.RecoverAnswers{Day: "1", Month: "1", History: [2]string{strconv.Itoa(n), "0"}})
		none := slices.Equal(faults, []templates.Fault{templates.Historia1Empty})
		if is := n >= 0 && n <= 5; is == none || is && a.history != [2]int{n, 0} {
			t.Errorf("%d: %v, %v", n, a.history, faults)
		}
	}
}
