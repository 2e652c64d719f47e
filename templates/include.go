package templates

import (
	"fmt"
	"html/template"
	"text/template/parse"
)

// include adds to page what root needs of base and page does not define itself, and nothing else. html/template escapes each
// page by itself, so that there are as many copies of a part as pages that hold it, and every collection of garbage visits
// all of them.
func include(page, base *template.Template, root string) error {
	seen := map[string]bool{root: true}
	for next := []string{root}; len(next) > 0; {
		name := next[0]
		next = next[1:]
		t := page.Lookup(name)
		if t == nil {
			part := base.Lookup(name)
			if part == nil {
				return fmt.Errorf("there is no template %q", name)
			}
			var err error
			if t, err = page.AddParseTree(name, part.Tree.Copy()); err != nil {
				return err
			}
		}
		for _, part := range called(t.Tree.Root) {
			if !seen[part] {
				seen[part] = true
				next = append(next, part)
			}
		}
	}
	return nil
}

// called are the names of the templates that n may call.
func called(n parse.Node) []string {
	branch := func(b *parse.BranchNode) []string { return append(called(b.List), called(b.ElseList)...) }
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil { // there is no else
			return nil
		}
		var all []string
		for _, inner := range n.Nodes {
			all = append(all, called(inner)...)
		}
		return all
	case *parse.IfNode:
		return branch(&n.BranchNode)
	case *parse.RangeNode:
		return branch(&n.BranchNode)
	case *parse.WithNode:
		return branch(&n.BranchNode)
	case *parse.TemplateNode:
		return []string{n.Name}
	default:
		return nil
	}
}
