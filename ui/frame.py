"""What of the page never changes: its head, and the frames that scripts and regions fill."""

from __future__ import annotations

from ui.rendering.parts import button

TOP = (
    '<header class="top">'
    f"{button('☰', kind='icon menu', label='Conversations', local='menu')}"
    '<h1>Quotebound</h1><p class="tagline">Answers from your documents, in their own words.</p>'
    '<nav aria-label="Pages">'
    f"{button('Chat', kind='tab', local='view', view='chat')}"
    f"{button('Library', kind='tab', local='view', view='library')}"
    f"{button('Evaluation', kind='tab', local='view', view='evaluation')}"
    '</nav></header><div id="banner" role="status" aria-live="polite" hidden></div>'
)

SIDE = (
    f"{button('New conversation', kind='primary wide', local='new')}"
    '<label class="visually-hidden" for="conversation-search">Search conversations</label>'
    '<input id="conversation-search" type="search" placeholder="Search conversations" autocomplete="off" '
    'maxlength="200" dir="auto">'
)

LOG = '<div class="turns" role="log" aria-label="Conversation"></div>'

SCOPE = '<p id="scope-line" hidden></p>'

PANE = (
    '<div class="pane-head"><div role="tablist" aria-label="Evidence and source">'
    '<button type="button" role="tab" id="tab-evidence" aria-controls="panel-evidence" '
    'aria-selected="true">Evidence</button>'
    '<button type="button" role="tab" id="tab-source" aria-controls="viewer" aria-selected="false" '
    'tabindex="-1">Source</button></div>'
    f"{button('✕', kind='icon', label='Close', local='close-pane')}</div>"
    '<div id="panel-evidence" role="tabpanel" aria-labelledby="tab-evidence" tabindex="0">'
    '<p class="nothing">The quotes under an answer are shown here.</p></div>'
)
