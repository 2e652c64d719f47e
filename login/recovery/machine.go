package recovery

import "slices"

// Step is how far a case has come. It is what storage.Recovery.Step holds.
type Step string

// The steps. The zero value is no case at all.
const (
	StepNone      Step = ""          // asks for an identifier
	StepQuestions Step = "preguntas" // asks what only she should know
	StepData      Step = "datos"     // shows what is on file, masked
	StepSent      Step = "enviado"   // the link is on its way, if any is
	StepDone      Step = "hecho"     // the clave is set
	StepFailed    Step = "fallida"   // no attempt is left
	StepAssisted  Step = "asistida"  // the questions are passed, but only an officer goes on from here
)

// follows is which steps a step may lead to. Whatever is not in it may not.
func follows(from Step) []Step {
	switch from {
	case StepNone:
		return []Step{StepQuestions}
	case StepQuestions:
		return []Step{StepData, StepFailed, StepAssisted}
	case StepData:
		return []Step{StepSent, StepAssisted}
	case StepSent:
		return []Step{StepDone}
	default:
		return nil
	}
}

// Follows reports whether a case may go from one step to the other. No step is
// skipped, none is gone back to, and the last ones lead nowhere (T24): a new case
// begins at StepNone.
func Follows(from, to Step) bool { return slices.Contains(follows(from), to) }
