// Package challenge asks whoever sends a form to have spent something on it: "No
// soy un robot" (S024, S025, D12). With script it is a proof of work (ALTCHA);
// without, a ticket that counts after some seconds. There is no puzzle (WCAG
// 3.3.8) and no third party (LAW-12).
//
// A challenge is bound to a purpose (the form) and a browser, counts once
// whatever the number of replicas (T18), and ends after five minutes. It is one
// layer: every limit holds with it solved (T13). Nobody is looked up here, and a
// page verifies before it looks anybody up.
//
//	f := challenge.Form{Purpose: "desbloqueo", Browser: browser, Path: "/desbloqueo"}
//	ch, typed, err := challenges.Resume(w, r.URL.Query(), f, cost) // GET; nil ch: Issue
//
//	// POST, after the fields are read and before anybody is looked up:
//	err := challenges.Verify(ctx, r.PostForm, f, challenge.Due(network, identifier))
//	if fault := challenge.FaultOf(err); fault != "" {
//		ch, err := challenges.Again(w, r.PostForm, f, challenge.CostOf(network, identifier), err, typed)
//	}
package challenge
