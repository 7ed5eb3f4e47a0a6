"""Fine-tune and score encoders such as BioBERT, by the same counts."""
