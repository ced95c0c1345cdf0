package rpcutil

import (
	"fmt"
	"slices"
	"strings"
)

// An alias is a wire name that the user gave to a Go name.
type alias struct{ wire, goName string }

// A table is one state of a Names. It is never changed after newTable, so that readers need no lock.
type table struct {
	// What the user said, in the order of saying it. The rest follows from these two.
	services []service
	aliases  []alias

	fromWire map[string]string // every wire name on offer, to the Go name
	toWire   map[string]string // every Go name, to the wire name that a client sends
	explain  map[string]string // every wire name withheld because two methods claim it, to the text for its caller
}

// newTable works everything out anew, so that the result depends on what was said and not on the history of saying it. It
// costs more than adding to what is there, but only while a program starts.
func newTable(services []service, aliases []alias) (*table, error) {
	t := &table{
		services: services,
		aliases:  aliases,
		fromWire: make(map[string]string),
		toWire:   make(map[string]string),
		explain:  make(map[string]string),
	}
	qualified, bare := newClaims(), newClaims()
	for i := range services {
		if err := claimNames(&services[i], qualified, bare); err != nil {
			return nil, err
		}
	}
	if err := t.addAliases(qualified); err != nil {
		return nil, err
	}
	// Qualified names first: the texts that explain a bare name make use of them.
	t.offer(qualified)
	t.offer(bare)
	t.chooseSent()
	return t, nil
}

// with gives the table that has s as well. A service that is there already, name and type, is no reason for another table: its
// names mean what they meant. (The type decides, not its methods: two versions of a service are two services.)
func (t *table) with(s service) (*table, error) {
	for _, old := range t.services {
		switch {
		case old.name != s.name:
		case old.typ == s.typ:
			return t, nil
		default:
			return nil, fmt.Errorf("rpcutil: service %s is %v already and cannot be %v as well", s.name, old.typ, s.typ)
		}
	}
	// Clip makes append copy: the old table may still be read, and two tables may grow from it if net/rpc refuses the first.
	return newTable(append(slices.Clip(t.services), s), t.aliases)
}

// A method is one of a service's. Its Go name is what net/rpc calls it.
type method struct{ service, name, goName string }

// snakeQualified gives the qualified form that the servers of other languages use: user.get_by_id.
func (m method) snakeQualified() string { return snake(m.service) + "." + snake(m.name) }

// claims are wire names with the methods that could be meant by them, in the order of registration.
type claims struct {
	names []string // the keys of by, in the order of their first claim
	by    map[string][]method
}

func newClaims() *claims { return &claims{by: make(map[string][]method)} }

func (c *claims) add(wire string, m method) {
	held, seen := c.by[wire]
	if !seen {
		c.names = append(c.names, wire)
	}
	// The forms of one method may be equal: the qualified ones are if the service's name has no capitals.
	if !slices.Contains(held, m) {
		c.by[wire] = append(held, m)
	}
}

// claimNames claims every form of every name of a service. Qualified names exist to tell services apart; if they cannot, that
// is the error.
func claimNames(s *service, qualified, bare *claims) error {
	for _, name := range s.methods {
		m := method{service: s.name, name: name, goName: s.name + "." + name}
		for _, wire := range []string{m.goName, s.name + "." + snake(name), m.snakeQualified()} {
			for _, other := range qualified.by[wire] {
				if other.service != m.service {
					return fmt.Errorf("rpcutil: %s would mean %s as well as %s", wire, m.goName, other.goName)
				}
			}
			qualified.add(wire, m)
		}
		bare.add(snake(name), m)
	}
	return nil
}

// addAliases puts the aliases on offer. They come before everything that is derived, except other methods' qualified names:
// these are the last resort of a caller, and stay what they are.
func (t *table) addAliases(qualified *claims) error {
	for _, a := range t.aliases {
		dot := strings.LastIndexByte(a.goName, '.')
		name, of := a.goName[dot+1:], a.goName[:dot]
		i := slices.IndexFunc(t.services, func(s service) bool { return s.name == of })
		if i >= 0 && !slices.Contains(t.services[i].methods, name) {
			return fmt.Errorf("rpcutil: alias %s: service %s has no method %s that net/rpc would serve", a.wire, of, name)
		}
		held := qualified.by[a.wire]
		if len(held) > 0 && !slices.ContainsFunc(held, func(m method) bool { return m.goName == a.goName }) {
			return fmt.Errorf("rpcutil: alias %s for %s: the name already means %s", a.wire, a.goName, held[0].goName)
		}
		t.fromWire[a.wire] = a.goName
		if _, sent := t.toWire[a.goName]; !sent {
			t.toWire[a.goName] = a.wire
		}
	}
	return nil
}

// offer puts the derived names on offer that mean one method, and words the explanation for the others.
func (t *table) offer(c *claims) {
	for _, wire := range c.names {
		if _, aliased := t.fromWire[wire]; aliased {
			continue
		}
		held := c.by[wire]
		// A Go name as it is means its method, even if it looks like the snake form of another. Only a capital without a small
		// letter (U+1D400) brings that about.
		exact := slices.ContainsFunc(held, func(m method) bool { return m.goName == wire })
		switch {
		case exact:
			t.fromWire[wire] = wire
		case len(held) == 1:
			t.fromWire[wire] = held[0].goName
		default:
			t.explain[wire] = t.ambiguous(wire, held)
		}
	}
}

// ambiguous words the reply to a call that could mean several methods.
func (t *table) ambiguous(wire string, held []method) string {
	use := make([]string, len(held))
	for i, m := range held {
		use[i] = t.qualifiedName(m)
	}
	last := len(use) - 1
	return fmt.Sprintf("method not found: %s is ambiguous, use %s or %s", wire, strings.Join(use[:last], ", "), use[last])
}

// chooseSent decides what a client sends for each method without an alias: the shortest name that reaches it.
func (t *table) chooseSent() {
	for _, s := range t.services {
		for _, name := range s.methods {
			m := method{service: s.name, name: name, goName: s.name + "." + name}
			if _, aliased := t.toWire[m.goName]; aliased {
				continue
			}
			if bare := snake(name); t.fromWire[bare] == m.goName {
				t.toWire[m.goName] = bare
			} else {
				t.toWire[m.goName] = t.qualifiedName(m)
			}
		}
	}
}

// qualifiedName gives the name that reaches m whatever else is registered: the snake form, or the Go name if another method
// of the service has the same snake form.
func (t *table) qualifiedName(m method) string {
	if wire := m.snakeQualified(); t.fromWire[wire] == m.goName {
		return wire
	}
	return m.goName
}
