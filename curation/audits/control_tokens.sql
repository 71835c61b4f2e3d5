-- severity: warning
-- means: A text or label spells a control token of a language model, such as <|im_end|>, </s> or [INST]: often the rest of another
--   tool's prompt. Training reads it as letters, so the model learns to write it.
-- do: Take it out in the corpus's recipe, or refuse the row; keep it where it is really said.
WITH written AS (
  SELECT cut_id, corpus, duration, 'text' AS place, text AS words FROM accepted
  UNION ALL
  SELECT cut_id, corpus, duration, 'target_text', target_text FROM accepted
  UNION ALL
  SELECT cut_id, corpus, duration, 'sound', unnest(sound) FROM accepted
  UNION ALL
  SELECT cut_id, corpus, duration, 'sound_original', sound_original FROM accepted
),
spelled AS (
  SELECT
    cut_id,
    corpus,
    duration,
    place,
    unnest(regexp_extract_all(
      words,
      '(?i)'
      -- <|im_end|>, <|audio|>, <|turn>, and DeepSeek's wide bars
      || '<[|｜][^<>\n]{0,60}>|<[^<>|｜\n]{1,60}[|｜]>'
      -- the classic ones, in both kinds of brackets
      || '|</?s>|<(?:bos|eos|pad|unk|mask|cls|sep|sot|eot|eod|blank)>|\[(?:bos|eos|pad|unk|mask|cls|sep|eot)\]'
      -- Llama 2 and Mistral
      || '|<</?sys>>|\[/?(?:inst|system_prompt|tool_calls|tool_results|available_tools|img|begin_audio|audio)\]'
      -- turns, thoughts, tools, sound and pictures: <start_of_turn>, <think>, <tool_call>, <audio_soft_token>
      || '|</?(?:start_of|end_of|begin_of)_[a-z_]+>|</?(?:think|tool_call|tool_response|tools|function_call)>'
      || '|</?(?:audio|speech|sound|image|img|video)(?:_[a-z_]+)?>'
      -- places that a vocabulary keeps free, and bytes
      || '|<(?:extra_id_|unused|reserved_|dummy_|special_)[0-9a-z_]+>|<0x[0-9a-f]{2}>'
    )) AS token
  FROM written
  WHERE regexp_matches(words, '[<\[]')
)
SELECT
  cut_id,
  corpus,
  string_agg(DISTINCT token || ' in ' || place, ', ' ORDER BY token || ' in ' || place) AS found,
  count(*) AS worst,
  any_value(duration) AS seconds
FROM spelled
GROUP BY cut_id, corpus
