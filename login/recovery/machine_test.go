package recovery

import (
	"slices"
	"testing"
	"testing/quick"
)

var steps = []Step{StepNone, StepQuestions, StepData, StepSent, StepDone, StepFailed, StepAssisted}

// T24: whatever steps are asked for, in whatever order, a case that reaches the
// end has been through all of them, once each.
func TestT24_OnlyTheLegalOrderReachesTheEnd(t *testing.T) {
	ends := 0
	err := quick.Check(func(asked []byte) bool {
		way := []Step{StepNone}
		for _, b := range asked {
			to := steps[int(b)%len(steps)]
			if Follows(way[len(way)-1], to) {
				way = append(way, to)
			}
		}
		if way[len(way)-1] != StepDone {
			return true
		}
		ends++
		return slices.Equal(way, []Step{StepNone, StepQuestions, StepData, StepSent, StepDone})
	}, &quick.Config{MaxCount: 20_000})
	if err != nil || ends == 0 {
		t.Errorf("%d cases reached the end, %v", ends, err)
	}
}

func TestT24_LastStepsLeadNowhere(t *testing.T) {
	for _, from := range []Step{StepDone, StepFailed, StepAssisted, "otra"} {
		for _, to := range append([]Step{"otra"}, steps...) {
			if Follows(from, to) {
				t.Errorf("%q leads to %q", from, to)
			}
		}
	}
}
