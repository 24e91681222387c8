// The form: what to choose from, what was chosen, and sending it once.

import {createReport} from '/api.js';

const form = document.getElementById('form');
const generate = document.getElementById('generate');
const error = document.getElementById('form-error');
const states = document.getElementById('states');

const SAME_PRESS_MS = 3000;

// What the page calls the fields of the API.
const LABELS = {
  states: 'States',
  year_from: 'The first year',
  year_to: 'The last year',
  species: 'Species',
  content: 'Content',
  format: 'Format',
  email: 'The e-mail address',
  simulate: 'Fail on purpose',
};

function option(value) {
  return new Option(value, value);
}

function fillStates(names) {
  for (const name of names) {
    const label = document.createElement('label');
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.name = 'states';
    box.value = name;
    label.append(box, name);
    states.append(label);
  }
}

function chosenStates() {
  return [...states.querySelectorAll('input:checked')].map((box) => box.value);
}

function showChosenStates() {
  const chosen = chosenStates();
  const text = chosen.length > 2 ? `${chosen.length} chosen` : chosen.join(' and ');
  document.getElementById('states-chosen').textContent = text || 'All states';
}

function fillYears(min, max) {
  const years = Array.from({length: max - min + 1}, (_, i) => min + i);
  form.elements.year_from.append(...years.map(option));
  form.elements.year_to.append(...years.map(option));
  form.elements.year_to.value = max;
}

function readForm() {
  const fields = form.elements;
  const wish = {
    states: chosenStates(),
    year_from: Number(fields.year_from.value),
    year_to: Number(fields.year_to.value),
    species: fields.species.value.trim(),
    content: fields.content.value,
    format: fields.format.value,
  };
  if (!document.getElementById('email-field').hidden) wish.email = fields.email.value.trim();
  if (!document.getElementById('simulate-field').hidden) wish.simulate = fields.simulate.value;
  return wish;
}

function clearErrors() {
  error.textContent = '';
  for (const field of form.querySelectorAll('[aria-invalid]')) {
    const note = document.getElementById(`${field.id}-error`);
    const hint = field.getAttribute('aria-describedby').replace(note.id, '').trim();
    if (hint) field.setAttribute('aria-describedby', hint);
    else field.removeAttribute('aria-describedby');
    field.removeAttribute('aria-invalid');
    note.remove();
  }
}

// Says at the field what is wrong with it.
function markField(field, text) {
  const note = document.createElement('p');
  note.className = 'field-error';
  note.id = `${field.id}-error`;
  note.textContent = text;
  field.closest('.field, fieldset').append(note);
  const hint = field.getAttribute('aria-describedby') ?? '';
  field.setAttribute('aria-describedby', `${note.id} ${hint}`.trim());
  field.setAttribute('aria-invalid', 'true');
}

// Shows what is wrong, at the fields and all of it below them, and takes the user there.
function showErrors(refused) {
  const texts = refused.fields.map(({field, detail}) => {
    const name = field.replace(/\[.*/, '');
    return {name, text: `${LABELS[name] ?? name} ${detail}.`.trim()};
  });
  error.textContent = texts.map(({text}) => text).join('\n') || refused.message;
  for (const {name, text} of texts) {
    const field = form.querySelector(`#${CSS.escape(name.replace('_', '-'))}`);
    if (field?.name === name && !field.hasAttribute('aria-invalid')) markField(field, text);
  }
  (form.querySelector('[aria-invalid]') ?? error).focus();
}

// A key for each wish: pressing twice, or again after a lost answer, is the same report. A new one
// once the report has ended, for a user who wants it again.
class Keys {
  #wish = '';
  #key = '';
  #pressed = 0;

  keyFor(wish, hasEnded) {
    const text = JSON.stringify(wish);
    const again = hasEnded && Date.now() - this.#pressed > SAME_PRESS_MS;
    if (text !== this.#wish || again) {
      this.#wish = text;
      const bytes = crypto.getRandomValues(new Uint8Array(16));
      this.#key = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    }
    this.#pressed = Date.now();
    return this.#key;
  }
}

// `onCreated(report, replayed)` gets each report that was accepted, and whether it was there
// already; `hasEnded(id)` tells whether it is over.
export function startForm({choices, onCreated, hasEnded}) {
  const keys = new Keys();
  let sending = false;
  let latest = null;

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (sending) return;
    sending = true;
    generate.setAttribute('aria-disabled', 'true');
    try {
      const wish = readForm();
      const key = keys.keyFor(wish, !latest || hasEnded(latest));
      const {report, replayed} = await createReport(wish, key);
      clearErrors();
      latest = report.id;
      onCreated(report, replayed);
    } catch (refused) {
      clearErrors();
      showErrors(refused);
    } finally {
      sending = false;
      generate.removeAttribute('aria-disabled');
    }
  });
  states.addEventListener('change', showChosenStates);
  document.getElementById('states-clear').addEventListener('click', () => {
    for (const box of states.querySelectorAll('input:checked')) box.checked = false;
    showChosenStates();
  });

  fillStates(choices.states);
  fillYears(choices.year_min, choices.year_max);
  document.getElementById('email-field').hidden = !choices.email;
  document.getElementById('simulate-field').hidden = !choices.simulate;
  generate.disabled = false;
}
