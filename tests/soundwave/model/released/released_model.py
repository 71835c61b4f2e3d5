"""The released model, literally: torch's and transformers' own layers under the names of the released files."""

import json

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

WIDTH, HEADS, TOWER = 32, 4, 12
WHISPER = {
    "d_model": TOWER, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_layers": 1,
    "decoder_attention_heads": 2, "decoder_ffn_dim": 16, "num_mel_bins": 8, "max_source_positions": 100,
    "max_target_positions": 8, "vocab_size": 60, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    "decoder_start_token_id": 1,
}  # fmt: skip


class LookBack(nn.Module):
    """Cross-attention of one clip's kept frames; keys that are not kept are masked out."""

    def __init__(self):
        super().__init__()
        self.encoder_attn = nn.MultiheadAttention(WIDTH, HEADS, dropout=0.1, batch_first=True)
        self.atten_layer_norm = nn.LayerNorm(WIDTH)

    def forward(self, kept, frames, mask):
        gathered, _ = self.encoder_attn(kept, frames, frames, key_padding_mask=mask)
        return self.atten_layer_norm(kept + gathered)


class ReleasedModel(nn.Module):
    """One clip at a time, as the released code has it."""

    def __init__(self, vocabulary):
        super().__init__()
        self.config = LlamaConfig(
            vocab_size=vocabulary, hidden_size=WIDTH, intermediate_size=48, num_hidden_layers=2,
            num_attention_heads=HEADS, num_key_value_heads=2, tie_word_embeddings=False, bos_token_id=1,
            eos_token_id=2, pad_token_id=2, attn_implementation="eager",
        )  # fmt: skip
        llama = LlamaForCausalLM(self.config)
        self.model, self.lm_head = llama.model, llama.lm_head
        self.model.mm_projector1 = nn.Linear(2 * TOWER, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, dim_feedforward=2 * WIDTH, dropout=0.1, norm_first=True)
        self.model.asr_transformer_encoder = nn.TransformerEncoder(layer, num_layers=1, enable_nested_tensor=False)
        self.model.out_norm = nn.LayerNorm(WIDTH)
        self.model.audio_feature_head = nn.Linear(WIDTH, vocabulary, bias=False)
        self.model.lbm = LookBack()
        self.model.audio_tower = WhisperEncoder(WhisperConfig(**WHISPER))

    def hear(self, mel):
        """Mel (mels, 2 T) of one window -> adapter frames (T / 2, D), which are kept (T / 2,), kept frames (K, D)."""
        encoded = self.model.audio_tower(mel[None]).last_hidden_state
        joined = self.model.mm_projector1(encoded.reshape(1, encoded.shape[1] // 2, -1))
        frames = self.model.out_norm(self.model.asr_transformer_encoder(joined))[0]
        tokens = self.model.audio_feature_head(frames).argmax(-1)
        keep = torch.ones(len(tokens), dtype=torch.bool)
        keep[1:] = tokens[1:] != tokens[:-1]
        return frames, keep, self.model.lbm(frames[keep], frames, ~keep)

    def logits(self, before, kept, after):
        """Logits (L, V) of the LLM over token ids, kept frames (K, D), token ids."""
        embed = self.model.embed_tokens
        rows = torch.cat([embed(torch.tensor(before)), kept, embed(torch.tensor(after))])[None]
        return self.lm_head(self.model(inputs_embeds=rows).last_hidden_state)[0]


def write_released(folder, llm_folder, *, shards=1, seed=0):
    """A folder in the released layout with random weights, and the model it holds."""
    tokenizer = AutoTokenizer.from_pretrained(str(llm_folder))
    tokenizer.add_tokens(["<audio_patch>"])
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    model = ReleasedModel(len(tokenizer)).eval()
    with torch.no_grad():  # torch starts these at zero and one, which would hide a mistake
        for name, value in model.named_parameters():
            if value.dim() == 1:
                value.add_(0.3 * torch.randn_like(value))
            if "audio_feature_head" in name:
                value.mul_(0.5)
    config = model.config.to_dict() | {
        "model_type": "Soundwave", "architectures": ["SoundwaveForCausalLM"], "adapter_size": TOWER,
        "audio_tower": "whisper", "audio_patch_token": len(tokenizer) - 1, "llm_pad_token_id": 2, "audio_patch_size": 1,
        "torch_dtype": "float32",
    }  # fmt: skip
    config.pop("dtype", None)
    (folder / "config.json").write_text(json.dumps(config))
    WhisperConfig(**WHISPER).save_pretrained(folder / "whisper")
    state = {name: value.clone() for name, value in model.state_dict().items()}
    names = sorted(state)
    if shards == 1:
        save_file(state, folder / "model.safetensors")
        return model
    index = {}
    for number in range(shards):
        path = folder / f"model-{number + 1:05d}-of-{shards:05d}.safetensors"
        part = names[number::shards]
        save_file({name: state[name] for name in part}, path)
        index |= dict.fromkeys(part, path.name)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    return model
