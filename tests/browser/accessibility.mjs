// Checks of a page that need no reader of screens: names, structure, contrast.

// What lacks a name or an order, as text; nothing where all is well.
export function findFaults(page) {
  return page.evaluate(() => {
    const faults = [];
    const visible = (element) => element.checkVisibility({visibilityProperty: true});
    const name = (element) => {
      const by = element.getAttribute('aria-labelledby')?.split(' ')
                     .map((id) => document.getElementById(id)?.textContent ?? '').join(' ');
      const labels = [...(element.labels ?? [])].map((label) => label.textContent).join(' ');
      const label = element.getAttribute('aria-label');
      return (label || by || labels || element.textContent || '').trim();
    };
    const named = 'input, select, button, a, progress, summary';
    for (const element of document.querySelectorAll(named)) {
      if (visible(element) && !name(element)) faults.push(`no name: ${element.outerHTML}`);
    }
    for (const image of document.images) {
      if (!image.hasAttribute('alt')) faults.push(`no alt: ${image.outerHTML}`);
    }
    const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
    if (new Set(ids).size !== ids.length) faults.push('an id is used twice');
    for (const element of document.querySelectorAll('[aria-describedby]')) {
      for (const id of element.getAttribute('aria-describedby').split(' ')) {
        if (!document.getElementById(id)) faults.push(`no description: ${element.outerHTML}`);
      }
    }
    if (!document.documentElement.lang) faults.push('no language');
    if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1');
    if (document.querySelectorAll('main').length !== 1) faults.push('not one main');
    let level = 0;
    for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
      const own = Number(heading.tagName[1]);
      if (own > level + 1) faults.push(`${heading.tagName} after h${level}`);
      level = own;
    }
    for (const fieldset of document.querySelectorAll('fieldset')) {
      if (!fieldset.querySelector('legend')) faults.push(`no legend: ${fieldset.outerHTML}`);
    }
    return faults;
  });
}

// Texts whose contrast with what is behind them is below WCAG's 4.5, as text.
export function findFaintText(page) {
  return page.evaluate(() => {
    const numbers = (color) => color.match(/[\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => {
      const part = (value) => {
        const x = value / 255;
        return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
      };
      return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    };
    const behind = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const color = numbers(getComputedStyle(at).backgroundColor);
        if (color.length === 3 || color[3] === 1) return color;
      }
      return [255, 255, 255];
    };
    const faint = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
      if (element.closest('.hidden, .skip, template, noscript, select')) continue;
      const [a, b] = [numbers(getComputedStyle(element).color), behind(element)].map(luminance);
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) faint.push(`${ratio.toFixed(2)}: ${walker.currentNode.data.trim()}`);
    }
    return faint;
  });
}

// True where something is wider than the window.
export function overflows(page) {
  return page.evaluate(() => document.scrollingElement.scrollWidth > innerWidth);
}
